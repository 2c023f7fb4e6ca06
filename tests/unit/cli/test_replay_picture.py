"""The picture of a replay is read off its figures."""

from xml.etree import ElementTree as ET

from interlock.cli.replay.acts import Act, Moment, Played
from interlock.cli.replay.picture import draw, share_by_second

_SVG = "{http://www.w3.org/2000/svg}"


def _acts() -> list[Played]:
    return [
        Played(
            act=act,
            purchases=30,
            lost=lost,
            seconds=[(1, 10, 0), (2, 10, lost), (3, 10, 0)],
            moments=[Moment(1.0, "released"), Moment(1.0, "the <database> is suspected"), Moment(2.5, "rolled back")],
        )
        for act, lost in zip(Act, (10, 0, 0), strict=True)
    ]


def test_there_is_one_line_an_act_and_its_moments_stand_on_its_lane() -> None:
    drawn = ET.fromstring(draw(_acts()))  # noqa: S314 - our own document

    texts = [text.text or "" for text in drawn.iter(f"{_SVG}text")]
    assert len(list(drawn.iter(f"{_SVG}polyline"))) == len(Act)
    assert texts.count("released; <database>?") == len(Act), "moments at one time stand together, and are escaped"
    assert texts.count("rolled back") == len(Act)
    assert any(text.endswith("10 of 30 purchases lost") for text in texts)


def test_the_share_of_a_second_is_that_of_two_so_that_one_purchase_is_no_cliff() -> None:
    assert share_by_second([(1, 1, 0), (2, 1, 1), (3, 0, 0), (4, 0, 0)]) == [(1, 1.0), (2, 0.5), (3, 0.0), (4, 1.0)]


def test_a_replay_without_a_purchase_can_be_drawn() -> None:
    assert "0 of 0 purchases lost" in draw([Played(act=Act.CANARY)])
