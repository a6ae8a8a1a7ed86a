"""Groups: given, found through links, merged."""

from __future__ import annotations

from hand_made import clip

from finback.core.types import Clip
from finback.data.splits.groups import assign_groups, merged


class Linked:
    def __init__(self, *pairs: tuple[Clip, Clip]) -> None:
        self.pairs = pairs

    def links(self) -> tuple[tuple[Clip, Clip], ...]:
        return self.pairs


def test_links_form_groups_where_none_are_known() -> None:
    clips = [clip("fin", "", n) for n in range(4)]
    groups = [c.group for c in assign_groups(clips, Linked((clips[0], clips[1]), (clips[1], clips[2])))]
    assert groups[0] == groups[1] == groups[2] != groups[3]
    assert groups[3] == clips[3].recording.id


def test_links_merge_given_groups_and_say_so() -> None:
    clips = [clip("fin", g, n) for n, g in enumerate(("b", "b", "a", "c", ""))]
    links = Linked((clips[0], clips[2]), (clips[2], clips[4]))
    assert [c.group for c in assign_groups(clips, links)] == ["a", "a", "a", "c", "a"]
    (merge,) = merged(clips, links)
    assert merge.groups == ("a", "b")
    assert "0.wav and 2.wav" in str(merge)
    assert merged(clips) == ()
