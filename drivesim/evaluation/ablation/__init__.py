"""What each part of the models is worth: arms that lack it, or have another in its place, trained alike and measured held out."""
