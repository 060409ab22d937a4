"""What pictures are asked to show, as tensors: by group and field, with a mask of the rows for which a group is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class GroupRows:
    """One group of conditions of b pictures: `given` bool [b], and each field [b ...], zero where the group is not given."""

    given: Tensor
    fields: Mapping[str, Tensor]

    def __getitem__(self, field: str) -> Tensor:
        return self.fields[field]


@dataclass(frozen=True, eq=False)
class Conditions:
    """Groups of conditions by name, one row a picture (b; for clips b * f, frames innermost).

    `conditions["road"]["lanes"]` is a field, `conditions["road"].given` says where it counts. What each group holds is written
    in its module beside this one. A group can be given and yet be empty: boxes of an empty road.
    """

    groups: Mapping[str, GroupRows]

    def __getitem__(self, group: str) -> GroupRows:
        return self.groups[group]

    def __len__(self) -> int:
        return len(next(iter(self.groups.values())).given)

    def _each(self, change: Callable[[Tensor], Tensor]) -> Self:
        return type(self).of_tensors({name: change(value) for name, value in self.tensors().items()})

    def to(self, device: torch.device | str) -> Self:
        """The same on `device`."""
        return self._each(lambda value: value.to(device, non_blocking=True))

    def rows(self, index: Tensor | slice) -> Self:
        """The rows of `index`, a slice or an integer or boolean tensor."""
        return self._each(lambda value: value[index])

    def repeat(self, frames: int) -> Self:
        """Every row `frames` times: the same conditions for all frames of a clip [(b f)]."""
        return self._each(lambda value: value.repeat_interleave(frames, dim=0))

    def drop(self, **groups: Tensor | bool) -> Self:
        """Without the groups named: in all rows (True) or where bool [b] says. Exactly as if they had never been given.

        Raises KeyError for a group that is not there.
        """
        changed = dict(self.groups)
        for name, dropped in groups.items():
            rows = changed[name]
            if dropped is False:
                continue
            keep = ~torch.as_tensor(dropped, device=rows.given.device).expand(len(self))
            fields = {field: _where(keep, value) for field, value in rows.fields.items()}
            changed[name] = GroupRows(rows.given & keep, fields)
        return type(self)(changed)

    def replace(self, group: str, rows: GroupRows) -> Self:
        """With these rows for `group`, as many as there are."""
        return type(self)({**self.groups, group: rows})

    def tensors(self) -> dict[str, Tensor]:
        """All tensors under flat names: road/lanes, road/given. `of_tensors` is the way back."""
        flat: dict[str, Tensor] = {}
        for name, rows in self.groups.items():
            flat |= {f"{name}/{field}": value for field, value in rows.fields.items()} | {f"{name}/given": rows.given}
        return flat

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """The rows of all parts, in order."""
        flat = [part.tensors() for part in parts]
        return cls.of_tensors({name: _joined([part[name] for part in flat]) for name in flat[0]})

    @classmethod
    def of_tensors(cls, tensors: Mapping[str, Tensor]) -> Self:
        """Conditions from tensors named as `tensors` names them."""
        groups: dict[str, dict[str, Tensor]] = {}
        for name, value in tensors.items():
            group, field = name.split("/")
            groups.setdefault(group, {})[field] = value
        return cls({name: GroupRows(fields.pop("given"), fields) for name, fields in groups.items()})


def stacked(values: Sequence[Tensor]) -> Tensor:
    """torch.stack, where axes of length 1 are repeated to those of the others: see group.Field."""
    return torch.stack(torch.broadcast_tensors(*values))


def _joined(values: Sequence[Tensor]) -> Tensor:
    """torch.cat, where further axes of length 1 are repeated to those of the others: see group.Field."""
    shape = torch.broadcast_shapes(*(value.shape[1:] for value in values))
    return torch.cat([value.expand(len(value), *shape) for value in values])


def _where(keep: Tensor, value: Tensor) -> Tensor:
    return torch.where(keep.reshape(-1, *[1] * (value.ndim - 1)), value, torch.zeros_like(value))
