"""Trials: the starts of a story are interrupted, then begun again until one opens the gate; and the judgement."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tests.crash import picture
from tests.crash.faults import Fault, Finder, nth
from tests.crash.picture import Picture
from tests.crash.relay import Exchange, Relay
from tests.crash.scene import Scene, Wrong
from tests.crash.starts import Start
from tests.crash.stories import Chapter
from tests.databases import quoted

MOST_STARTS = 6
STALL_SECONDS = 0.3
BLOCKED_SECONDS = 0.8  # so long a forgotten transaction stays after the fault
BLOCKED_AFTER = 0.3  # so long after it was sent a statement waits for it
RESTART_SECONDS = 240.0
# How the start that is interrupted may end: killed, done in spite of all, "start again later", or by asking.
MAY_END = frozenset({-9, 0, 20, 21, 22, 31})
MAY_AGAIN = frozenset({20, 21, 22})


@dataclass(frozen=True, slots=True)
class Reference:
    """A chapter without interruption: the conversation, and the schema with its rows as others see them right before
    and right after each statement.
    """

    said: tuple[Exchange, ...]
    before: Mapping[str, Picture]
    after: Mapping[str, Picture]
    ends: Picture
    seconds: Mapping[str, float]


@dataclass(slots=True)
class Outcome:
    """How a trial ended: equal, asked, refused, wrong, or missed (the point was not reached)."""

    end: str
    why: str = ""
    hit: str = ""  # what was said at the point
    asked: str = ""  # which statement was asked about, or refused
    codes: list[int | None] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Trial:
    """One chapter in one scene, which is to be interrupted."""

    scene: Scene
    chapter: Chapter
    reference: Reference
    restarter: ThreadPoolExecutor  # a server dies with the thread that started it: this one stays

    def run(self, faults: tuple[Fault, ...]) -> Outcome:
        """Interrupt it with these faults, one start each; then start until it ends, and judge."""
        outcome, began = Outcome("equal"), time.monotonic()
        try:
            self._tell(faults, outcome)
            self._go_on(outcome)
            if outcome.end == "refused":
                self._judge_refusal()
            else:
                self.scene.judge(self.reference.ends)
        except Wrong as wrong:
            outcome.end, outcome.why = "wrong", str(wrong)
        if outcome.end == "equal" and not outcome.hit:
            outcome.end = "missed"
        outcome.seconds = round(time.monotonic() - began, 3)
        return outcome

    # --- the two acts ---

    def _tell(self, faults: tuple[Fault, ...], outcome: Outcome) -> None:
        """One start for each fault, through a relay that makes it."""
        server = self.scene.place.server
        for number, fault in enumerate(faults):
            struck = Strike(self, fault, first=not number)
            with Relay(server.host, server.port, struck) as relay:
                struck.victim = start = self.scene.begin(relay.port)
                struck.ready.set()
                code = self.scene.ended(start)
                outcome.codes.append(code)
                if fault.action == "stall" and struck.hit:
                    threading.Timer(STALL_SECONDS, relay.release).start()
                    self._while_stalled(outcome)
            if struck.hit:
                outcome.hit = f"{outcome.hit} | {struck.hit}".strip(" |")
            elif not outcome.hit:
                return
            struck.put_back()
            if code not in MAY_END:
                raise Wrong(f"the interrupted start ended with {code}:\n{start.text[-1500:]}")

    def _while_stalled(self, outcome: Outcome) -> None:
        """The next start comes while the server does not know yet that the first is dead."""
        start = self.scene.begin()
        code = self.scene.ended(start)
        outcome.codes.append(code)
        if code not in MAY_AGAIN | {0, 31}:
            raise Wrong(f"the start after a stall ended with {code}:\n{start.text[-1500:]}")

    def _go_on(self, outcome: Outcome) -> None:
        """Start again until the gate opens, and answer what is asked."""
        for _ in range(MOST_STARTS):
            start = self.scene.begin()
            code = self.scene.ended(start)
            outcome.codes.append(code)
            if code == 0:
                return
            if code == 31:
                outcome.end = "asked"
                outcome.asked = self._answer(start)
            elif code == 11 and self.scene.story.may_refuse:
                outcome.end, outcome.asked = "refused", _place(start)
                return
            elif code not in MAY_AGAIN:
                raise Wrong(f"the next start ended with {code}:\n{start.text[-1500:]}")
        raise Wrong(f"no start of {MOST_STARTS} opened the gate: {outcome.codes}")

    def _answer(self, start: Start) -> str:
        """Look, as a person would, and say what became of the statement; the question has to be a true one."""
        scene, reference = self.scene, self.reference
        label = _place(start)
        migration, _, ordinal = label.partition(":")
        if label not in reference.after:
            raise Wrong(f"asked about {label}, which was not to be run")
        outcomes = {
            str(outcome)
            for (outcome,) in scene.sql(
                f"SELECT outcome FROM {quoted(scene.name)}.schemagate_journal WHERE migration = %s AND ordinal = %s",
                migration,
                ordinal,
            )
        }
        if "begun" not in outcomes:
            raise Wrong(f"asked about {label}, whose entries say {outcomes}")
        now = scene.picture()
        happened, not_happened = now == reference.after[label], now == reference.before[label]
        if not happened and not not_happened:
            raise Wrong(
                f"at {label} the schema is neither the one before nor the one after: "
                + "; ".join(picture.differences(reference.after[label], now))
            )
        answer = "--applied" if happened else "--not-applied"
        said = scene.begin(None, "resolve", label, answer)
        if scene.ended(said):
            raise Wrong(f"resolve {label} {answer} was refused:\n{said.text[-1500:]}")
        return label

    def _judge_refusal(self) -> None:
        """What cannot be gone on with is left between two statements, and nothing is half done."""
        now = self.scene.picture()
        if now not in (*self.reference.before.values(), *self.reference.after.values()):
            raise Wrong("refused, and the schema is in no state between two statements")
        self.scene.judge_what_is_left()


def _place(start: Start) -> str:
    """Which statement the last line of a start is about, as in "20_alter:3"."""
    last = start.lines[-1]
    return f"{last.get('migration') or str(last['file']).removesuffix('.sql')}:{last['ordinal']}"


class Strike:
    """The hook of a relay that makes a fault, once."""

    def __init__(self, trial: Trial, fault: Fault, *, first: bool) -> None:
        """`first`: no other fault was before it, so that the conversation is the one of the reference."""
        self._trial, self._fault = trial, fault
        self._text, self._finder = "", None
        if isinstance(fault.place, str):
            self._text = trial.chapter.text(fault.place)
        elif first and fault.place < len(trial.reference.said):
            self._finder = Finder(nth(trial.reference.said, fault.place))
        self._once = threading.Lock()
        self.victim: Start | None = None
        self.ready = threading.Event()
        self.hit = ""

    def __call__(self, relay: Relay, exchange: Exchange, moment: str) -> None:
        here = self._is_it(exchange, moment)
        table = self._trial.chapter.blocked
        if here and moment == "before" and table and not self.hit:
            self._trial.scene.block(table)
        if not here or moment != self._fault.moment or not self._once.acquire(blocking=False):
            return
        self.hit = f"{'live' if exchange.live else 'beside'}: {' '.join(exchange.text.split())[:80]}"
        self.ready.wait(30)
        self._wait()
        self._act(relay)

    def _is_it(self, exchange: Exchange, moment: str) -> bool:
        if self._text:
            return exchange.live and exchange.text == self._text
        if self._finder:
            return self._finder.is_it(exchange, moment)
        return exchange.number == self._fault.place

    def _wait(self) -> None:
        if self._trial.chapter.blocked:
            time.sleep(BLOCKED_AFTER)
        elif self._fault.part:
            whole = self._trial.reference.seconds.get(str(self._fault.place), 0.01)
            time.sleep(whole * self._fault.part)

    def _act(self, relay: Relay) -> None:
        assert self.victim
        scene = self._trial.scene
        if self._trial.chapter.blocked:
            threading.Timer(BLOCKED_SECONDS, scene.unblock).start()
        match self._fault.action:
            case "kill":
                self.victim.kill()
                relay.drop()
            case "drop":
                relay.drop()
            case "reset":
                relay.reset()
            case "stall":
                relay.stall()
                threading.Timer(0.02, self.victim.kill).start()
            case "server":
                assert scene.place.instance
                scene.place.instance.kill()
                self._restart = self._trial.restarter.submit(scene.place.instance.start, seconds=RESTART_SECONDS)
                relay.drop()
            case other:
                raise ValueError(other)

    def put_back(self) -> None:
        """What was killed runs again."""
        if self._fault.action == "server" and self.hit:
            self._restart.result(RESTART_SECONDS)
