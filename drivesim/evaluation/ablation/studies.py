"""The studies and their arms: what is left out of, or put in the place of, what the models have ("ours").

Of Video LDM (arXiv 2304.08818): Table 1, right, pixel space, attention alone, layers trained end to end and context guidance, and
no temporal layers at all (alpha = 1, section 3.1); the plain downsampling of context frames (section 3.2); Table 3's video
fine-tuning of decoder and upsampler. Joint tuning of images and videos is LaVie's (arXiv 2309.15103). An arm is a change of the
recipe; a new one is a line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from drivesim.models.conditions.all_groups import GROUPS, LAYOUT_GROUPS
from drivesim.video_format import TrainedName

OURS = "ours"
SHARES = ("sharpness", "sharpness_small", "edges", "detail")
"""Figures that are a share of what rendered pictures have: noise has too much."""
BETWEEN = ("psnr", "sharpness", "pulse")
"""Of frames that are not given, against what the autoencoder keeps of the rendered ones: PSNR (dB), gradient energy as a share of
theirs; and how far the pulse (metrics.pulse) of the whole film is from that of theirs, as a share of it."""


@dataclass(frozen=True)
class Arm:
    """`about` in words. `recipe`: fields that differ from those of "ours", within `model` too. `suffix`: of the held-out figures
    that it is judged by, where it is judged otherwise than the study.

    `trained` False leaves it as the stage starts, or as the checkpoint is that it starts from (`shipped`). `fresh`: its image model
    starts from nothing, too; `staged`: and learns alone for the first half of the samples (see StagedVideoStage); `pixels` are
    diffused in the place of latents. It is compared with the arm `against`. `weights_of` takes another arm's weights: then the
    guidance by which clips are sampled alone differs, `context_guidance`, and `layout_guidance` of boxes and layout.
    """

    about: str
    recipe: Mapping[str, Any] = field(default_factory=dict)
    suffix: str | None = None
    trained: bool = True
    shipped: bool = False
    fresh: bool = False
    staged: bool = False
    pixels: bool = False
    against: str = OURS
    weights_of: str | None = None
    context_guidance: float = 1.0
    layout_guidance: float = 1.0


@dataclass(frozen=True)
class Study:
    """Arms of one `stage`, judged by held-out `figures` with `suffix`; "psnr" is better when higher, SHARES the nearer they are to
    1, others when lower.

    `samples` of an arm where nothing else is asked for: 5 to 15 CPU minutes of training, whatever the arm. `sampled`: clips are
    sampled, too, and their distance to rendered ones is measured; `filmed`: that of what it makes of held-out clips to these, as in
    Table 3. `from_checkpoint`: every arm starts from the stage's own checkpoint. `recipe` is that of all arms. `between`: it is
    judged by the frames that it makes between given ones (see InterpolationStage).
    """

    stage: TrainedName
    figures: tuple[str, ...]
    arms: Mapping[str, Arm]
    samples: int
    suffix: str = ""
    sampled: bool = False
    filmed: bool = False
    from_checkpoint: bool = False
    recipe: Mapping[str, Any] = field(default_factory=dict)
    between: bool = False


_OURS = Arm("as it is")
_VIDEO = {
    OURS: _OURS,
    "no-temporal-layers": Arm("the image model, frame by frame (alpha = 1)", trained=False),
    "attention-only": Arm("no temporal layer but attention mixes frames", {"model": {"mixing": "attention"}}),
    "end-to-end": Arm("image model and temporal layers learned together from nothing", {"spatial": "all"}, fresh=True),
    "from-nothing": Arm("image model from nothing by pictures for half of the samples, then temporal layers", {"spatial": "all"},
                        fresh=True, staged=True),
    "pixels": Arm("from nothing likewise, in pixel space: 64x128, folded", {"spatial": "all"}, fresh=True, staged=True, pixels=True,
                  against="from-nothing"),
    "context-guidance": Arm("ours, sampled with context guidance of 2", weights_of=OURS, context_guidance=2.0),
    "layout-guidance": Arm("ours, sampled with guidance of 2 by boxes and layout", weights_of=OURS, layout_guidance=2.0),
    "plain-context": Arm("the paper's downsampling of context frames", {"model": {"context": "plain"}}),
    "no-boxes": Arm("boxes are never given", {"boxes_every": 0.0, "boxes_first": 0.0}),
    "no-layout": Arm(
        "neither boxes nor layout are ever given", {"boxes_every": 0.0, "boxes_first": 0.0, "drop_layout": 1.0}, suffix=""
    ),
    "unmoved-context": Arm("given frames are not moved along", {"drop_motion": 1.0}),
    "no-context-noise": Arm("given frames are clean in training", {"context_noise": 0.0, "model": {"context_noise": False}}),
    "own-context": Arm("of half of the clips with two given frames, the second is the model's own", {"own": 0.5}),
    "no-foreground": Arm("vehicles count as much as any cell", {"foreground": 0.0}),
    "no-estimate": Arm("no loss on the context network's own estimate", {"estimate": 0.0}),
    "rotary": Arm("rotary angles of frames (RoPE) in the place of sinusoids", {"model": {"positions": "rotary"}}),
    "rotary-in-block": Arm(
        "attention with rotary angles inside the transformers, in the place of all temporal layers (LaVie)",
        {"model": {"mixing": "transformer", "positions": "rotary"}},
    ),
    "joint": Arm("the image model learns, too, by clips and by stills beside them (LaVie)", {"spatial": "joint"}),
}  # fmt: skip


def _without(*groups: str) -> dict[str, Any]:
    return {"model": {"groups": [name for name in GROUPS if name not in groups]}}


_IMAGE = {
    OURS: _OURS,
    **{f"no-{name.replace('_', '-')}": Arm(f"not shown the layout's {name}", _without(name)) for name in LAYOUT_GROUPS},
    "no-layout": Arm("not shown any layout", _without(*LAYOUT_GROUPS)),
    "no-boxes": Arm("not told of boxes", _without("boxes")),
    "look-alone": Arm("told the look alone, as in the paper", _without(*(name for name in GROUPS if name != "look"))),
    "no-foreground": Arm("vehicles count as much as any cell", {"foreground": 0.0}),
    "muon": Arm("Muon steps hidden weights in the place of AdamW", {"optimizer": "muon"}),
}
_DECODER = {
    OURS: _OURS,
    "frame-wise": Arm("the decoder of single frames", trained=False),
    "shipped": Arm("that of the checkpoint, trained for longer", trained=False, shipped=True),
    "no-layout": Arm("never shown the layout", {"drop_layout": 1.0}, suffix="_without_layout"),
    "no-adversary": Arm("no discriminator", {"adversary_weight": 0.0}),
    "clean-latents": Arm("learns from latents without noise", {"latent_noise": 0.0, "generated": 0.0}),
    "no-stills": Arm("learns from clips alone", {"stills": 0.0}),
    "no-foreground": Arm("vehicles count as much as anything", {"foreground": 0.0}),
    "no-steadiness": Arm("errors may come and go", {"steady_weight": 0.0}),
}
_REPEATED = {"context": "repeated"}
_INTERPOLATION = {
    OURS: Arm("from each given frame to the next by masks, image model frozen"),
    "all": Arm("likewise, the whole U-Net learns (Video LDM's, for text to video)", {"spatial": "all"}),
    "repeated": Arm("all at once, given frames repeated beside the noise and made anew, image model frozen", {"model": _REPEATED}),
    "lavie": Arm(
        "likewise, the whole U-Net learns, attention with rotary angles inside the transformers (LaVie)",
        {"spatial": "all", "model": _REPEATED | {"mixing": "transformer", "positions": "rotary"}},
    ),
}
_UPSAMPLING = {
    OURS: Arm("with temporal layers"),
    "frame-wise": Arm("each frame by itself, all of one noise, as shipped", trained=False),
    "own-noise": Arm("each frame by itself, from noise of its own", {"shared_noise": False}, trained=False),
}
_GUIDANCE = {
    OURS: Arm("the trained weights, sampled as scenarios are", trained=False, context_guidance=2.0, layout_guidance=2.0),
    "none": Arm("no guidance", trained=False),
    "no-context": Arm("given frames are not looked at", trained=False, context_guidance=0.0, layout_guidance=2.0),
    "context-1": Arm("no context guidance", trained=False, layout_guidance=2.0),
    "context-4": Arm("context guidance of 4", trained=False, context_guidance=4.0, layout_guidance=2.0),
    "layout-1": Arm("no guidance by boxes and layout", trained=False, context_guidance=2.0),
    "layout-4": Arm("guidance of 4 by boxes and layout", trained=False, context_guidance=2.0, layout_guidance=4.0),
}

STUDIES: dict[str, Study] = {
    "image": Study("image-ldm", ("loss",), _IMAGE, samples=8_000),
    "video": Study(
        "video-ldm", ("predict_1", "predict_2", "interpolate_7.5", "interpolate_30"), _VIDEO, samples=500, suffix="_with_layout",
        sampled=True,
    ),
    "interpolation": Study("video-ldm", BETWEEN, _INTERPOLATION, samples=500, between=True,
                           recipe={"prediction": 0.0, "model": {"base_frames": 5}}),
    "decoder": Study("decoder", ("psnr", "edges", "flicker"), _DECODER, samples=2_000, filmed=True),
    "upsampling": Study("super-resolution", ("psnr", "detail", "flicker"), _UPSAMPLING, samples=2_000, filmed=True,
                        from_checkpoint=True, recipe={"model": {"temporal": True}, "frames": 4}),
    "guidance": Study("video-ldm", (), _GUIDANCE, samples=1, suffix="_with_layout", sampled=True, from_checkpoint=True),
}  # fmt: skip
"""By name; each has an arm OURS that the others are compared with."""
