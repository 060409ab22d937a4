"""The scenario editor: a page in the browser, and the server that changes YAML and runs rollouts.

app.py          puts all together, and serves it
server/         the page's requests, and what it loads beside them
page/           what the page shows of a session: view and form; the scripts are in static/
document/       the YAML text, the values in it, and edits of its vehicles
storage/        sessions, uploads and saved scenarios on disk
first_frames/   composing them in the background
jobs/           the queue of rollouts, each a process of `drivesim rollout`
"""
