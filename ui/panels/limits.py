"""Limits of the interlock that two people change together: one asks, another approves just that."""

from typing import Final

from control.limit_changes import CHANGEABLE
from stream.records import WHOLE_SECTION, Command, CommandKind
from ui.commands import Wish
from ui.drawing import LayoutDOM, Select, TextInput, column, row
from ui.markup import lasting, text
from ui.panel import Desk, set_changed
from ui.panels.asking import WIDE, AskForm, button, controls, number_in, words
from ui.snapshot import Snapshot
from ui.standing import (
    LimitWish,
    changed_limits,
    limit_label,
    none_stands,
    number_of,
    setpoint_label,
    waiting_limits,
)

_DIGEST_SHOWN: Final = 12  # characters: for two people to compare by telephone
_ASK, _APPROVE, _REJECT = (
    CommandKind.REQUEST_LIMIT,
    CommandKind.APPROVE_LIMIT,
    CommandKind.REJECT_LIMIT,
)


class LimitsPanel:
    """What waits, what is not as in the plant file, a form to ask, and two buttons to answer."""

    interval_s = 0.5

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._limits = {row.name: row for row in desk.setpoints}
        self._snapshot: Snapshot | None = None
        self._kind = _ASK
        self._seen: LimitWish | None = None  # what was shown when somebody began to answer
        self._list = words()
        self.setpoint = Select(
            title="Setpoint", options=[(name, setpoint_label(name)) for name in self._limits],
            value=next(iter(self._limits), ""), sizing_mode=WIDE, stylesheets=controls(),
            name="limit setpoint",
        )  # fmt: skip
        self.limit = Select(
            title="Limit", options=[(name, limit_label(name)) for name in CHANGEABLE],
            value=CHANGEABLE[0], sizing_mode=WIDE, stylesheets=controls(), name="limit limit",
        )  # fmt: skip
        self.value = TextInput(
            title="Value", sizing_mode=WIDE, stylesheets=controls(), name="limit value"
        )
        self.chosen = Select(
            title="Request", options=[], value="", sizing_mode=WIDE, stylesheets=controls(),
            name="limit chosen",
        )  # fmt: skip
        self.open = button("Ask for another limit", "limit open")
        self.approve = button("Approve", "limit approve")
        self.reject = button("Reject", "limit reject")
        self._fields = column(
            row(self.setpoint, self.limit, sizing_mode=WIDE, spacing=6),
            self.value,
            sizing_mode=WIDE,
            spacing=6,
        )
        self.form = AskForm(
            desk,
            "limit",
            self._obeyed,
            fields=[self._fields],
            texts=[self.value],
            make=self._wish,
            changed=self._redraw,
        )
        self.open.on_click(lambda: self._begin(_ASK))
        self.approve.on_click(lambda: self._begin(_APPROVE))
        self.reject.on_click(lambda: self._begin(_REJECT))
        for field in (self.setpoint, self.limit):
            field.on_change("value", lambda _name, _old, _new: self._redraw())
        self._answering = column(
            self.chosen,
            row(self.approve, self.reject, sizing_mode=WIDE, spacing=6),
            sizing_mode=WIDE,
            spacing=6,
        )
        self._root: LayoutDOM = column(
            self._list,
            self._answering,
            self.open,
            self.form.form,
            self.form.status,
            sizing_mode=WIDE,
            spacing=8,
        )

    @property
    def root(self) -> LayoutDOM:
        return self._root

    def update(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self.form.look(snapshot)
        self._draw(snapshot)

    def _draw(self, snapshot: Snapshot) -> None:
        waiting = waiting_limits(snapshot)
        set_changed(self._list, text=_tables(waiting, snapshot))
        options = [(wish.digest, f"{wish.words}, asked for by {wish.who}") for wish in waiting]
        set_changed(self.chosen, options=options)
        is_open = self.form.visible
        if not is_open and self.chosen.value not in [wish.digest for wish in waiting]:
            set_changed(self.chosen, value=waiting[0].digest if waiting else "")
        set_changed(self.chosen, disabled=is_open)
        set_changed(self._answering, visible=bool(waiting))
        for one, kind in ((self.open, _ASK), (self.approve, _APPROVE), (self.reject, _REJECT)):
            set_changed(one, disabled=is_open or not self.form.may(kind))
        set_changed(self._fields, visible=self._kind is _ASK)
        row_ = self._limits.get(self.setpoint.value)
        if row_ is not None and self.limit.value in CHANGEABLE:
            bound = f"{getattr(row_, self.limit.value):g}"
            set_changed(self.value, title=f"Value in {row_.unit}; the plant file has {bound}")
        self.form.draw(confirm=self._label())

    def _label(self) -> str:
        if self._kind is _ASK:
            return "Ask for it"
        what = "" if self._seen is None else f" {self._seen.words}"
        return f"{'Approve' if self._kind is _APPROVE else 'Reject'}{what}"

    def _begin(self, kind: CommandKind) -> None:
        """Open the form; an answer is to what is shown at this moment, whatever comes after."""
        self._kind = kind
        if self._snapshot is not None and kind is not _ASK:
            waiting = {wish.digest: wish for wish in waiting_limits(self._snapshot)}
            self._seen = waiting.get(self.chosen.value)
        self.form.open()

    def _wish(self) -> Wish | str:
        reason = self.form.reason.value
        if self._kind is _ASK:
            return self._request(reason)
        seen = self._seen
        if seen is None:
            return "Choose a request that waits."
        return Wish(
            self._kind,
            WHOLE_SECTION,
            reason,
            sections=seen.sections,
            subject=seen.request_id,
            digest=seen.digest,
        )

    def _request(self, reason: str) -> Wish | str:
        value = number_in(self.value.value)
        if value is None:
            return f"“{self.value.value}” is not a number; write one such as 185.5."
        if self.setpoint.value not in self._limits or self.limit.value not in CHANGEABLE:
            return "Choose a setpoint and a limit."
        return Wish(
            _ASK,
            WHOLE_SECTION,
            reason,
            sections=tuple(range(len(self._desk.layout.sections))),
            setpoint=self.setpoint.value,
            limit=self.limit.value,
            value=value,
        )

    def _obeyed(self, command: Command, _snapshot: Snapshot) -> str:
        if command.kind is _ASK:
            return "It waits for somebody else's approval."
        return "Approved; it is in force." if command.kind is _APPROVE else "Rejected."

    def _redraw(self) -> None:
        if self._snapshot is not None:
            self._draw(self._snapshot)


def _tables(waiting: tuple[LimitWish, ...], snapshot: Snapshot) -> str:
    rows = "".join(
        f"<tr><td>{text(wish.words)}</td><td>{text(wish.who)}</td><td>{text(wish.reason)}</td>"
        f"<td>{text(_sections(wish.sections, snapshot))}</td>"
        f"<td><code>{text(wish.digest[:_DIGEST_SHOWN])}</code></td>"
        f'<td class="time num">{lasting((wish.until_ns - snapshot.now_ns) / 1e9)}</td></tr>'
        for wish in waiting
    )
    head = (
        "<tr><th>limit</th><th>asked for by</th><th>reason</th><th>sections</th><th>digest</th>"
        '<th class="num">time left</th></tr>'
    )
    table = f'<div class="scroll"><table>{head}{rows}</table></div>'
    none = none_stands(snapshot, "No request waits for an approval.")
    body = table if rows else f'<div class="none">{none}</div>'
    narrowed: dict[tuple[str, str, float], list[int]] = {}
    for event in changed_limits(snapshot):
        key = (
            str(event.details.get("setpoint", "")),
            str(event.details.get("limit", "")),
            number_of(event, "value"),
        )
        narrowed.setdefault(key, []).append(event.section or 0)
    changed = "".join(
        f"<tr><td>{text(setpoint_label(setpoint))}</td><td>{text(limit_label(limit))}</td>"
        f"<td>{value:g}</td><td>{text(_sections(tuple(numbers), snapshot))}</td></tr>"
        for (setpoint, limit, value), numbers in narrowed.items()
    )
    if changed:
        body += (
            '<h2 style="margin-top:12px">Not as in the plant file</h2><table><tr><th>setpoint</th>'
            f"<th>limit</th><th>value</th><th>sections</th></tr>{changed}</table>"
        )
    return f"<h2>Limits<small>changed by two people together</small></h2>{body}"


def _sections(numbers: tuple[int, ...], snapshot: Snapshot) -> str:
    if len(numbers) == len(snapshot.layout.sections):
        return "all"
    return ", ".join(map(str, numbers))
