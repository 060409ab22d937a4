"""Texts as Stable Diffusion is told them: the tokenizer's numbers, and what CLIP's text encoder makes of these."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn

from drivesim.models.stable_diffusion.folder import load_part


class TextEncoder(nn.Module):
    """Tokenizer and CLIP text encoder; it is told token numbers, so that texts can be drawn, dropped and moved as tensors."""

    def __init__(self, tokenizer: Any, clip: Any) -> None:
        super().__init__()
        self.tokenizer = tokenizer
        self.clip = clip

    @classmethod
    def load(cls, folder: Path) -> Self:
        """That of a Stable Diffusion folder."""
        from transformers import CLIPTextModel, CLIPTokenizer

        return cls(CLIPTokenizer.from_pretrained(str(folder / "tokenizer")), load_part(folder, "text_encoder", CLIPTextModel))

    def ids(self, texts: Sequence[str]) -> Tensor:
        """Token numbers of texts, filled up or cut to the encoder's length: int64 [b n]."""
        length = self.clip.config.max_position_embeddings
        ids: Tensor = self.tokenizer(
            list(texts), padding="max_length", max_length=length, truncation=True, return_tensors="pt"
        ).input_ids
        return ids

    def forward(self, ids: Tensor) -> Tensor:
        """Tokens [b n d] of token numbers [b n]; a text that occurs several times is encoded once."""
        different, place = torch.unique(ids, dim=0, return_inverse=True)
        tokens: Tensor = self.clip(different)[0]
        return tokens[place]
