"""The line of work: order, bound, giving up."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from inpaint.web.errors import Cancelled, Refused
from inpaint.web.line import Job, Line


def run(test: Callable[[Line], Coroutine[Any, Any, None]], *, waiting: int = 2) -> None:
    async def inside() -> None:
        line = Line(waiting)
        try:
            await asyncio.wait_for(test(line), 20)
        finally:
            line.close()

    # In a thread of its own: a browser that another test keeps open has a loop in this one.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, inside()).result()


def until_given_up(job: Job) -> None:
    while True:
        job.check()
        threading.Event().wait(0.005)


def test_jobs_run_one_after_the_other_in_their_order() -> None:
    async def test(line: Line) -> None:
        order: list[int] = []
        at_work = threading.Lock()

        def work(number: int) -> int:
            assert at_work.acquire(blocking=False)
            order.append(number)
            at_work.release()
            return number * number

        jobs = [line.submit(lambda job, n=n: work(n)) for n in range(3)]
        assert [await job.done for job in jobs] == [0, 1, 4]
        assert order == [0, 1, 2]

    run(test)


def test_a_full_line_refuses_and_takes_again_when_there_is_room() -> None:
    async def test(line: Line) -> None:
        jobs = [line.submit(until_given_up) for _ in range(3)]  # one at work, two waiting
        with pytest.raises(Refused) as caught:
            line.submit(until_given_up)
        assert caught.value.status_code == 503
        line.give_up(jobs[2])
        fourth = line.submit(lambda job: "done")
        for job in jobs[:2]:
            line.give_up(job)
        assert await fourth.done == "done"

    run(test)


def test_a_job_given_up_while_it_waits_never_begins() -> None:
    async def test(line: Line) -> None:
        began = []
        first = line.submit(until_given_up)
        second = line.submit(lambda job: began.append(1))
        line.give_up(second)
        line.give_up(first)
        for job in (first, second):
            with pytest.raises(Cancelled):
                await job.done
        assert await line.submit(lambda job: 7).done == 7
        assert not began

    run(test)


def test_an_error_goes_to_who_waits_and_the_line_goes_on() -> None:
    async def test(line: Line) -> None:
        def fail(job: Job) -> None:
            raise ValueError("no")

        broken = line.submit(fail)
        with pytest.raises(ValueError, match="no"):
            await broken.done
        assert await line.submit(lambda job: 3).done == 3

    run(test)


def test_events_come_in_order_and_end_with_none() -> None:
    async def test(line: Line) -> None:
        def work(job: Job) -> None:
            for number in range(5):
                job.tell({"n": number})

        job = line.submit(work)
        await job.done
        events = [await job.events.get() for _ in range(6)]
        assert events == [{"n": 0}, {"n": 1}, {"n": 2}, {"n": 3}, {"n": 4}, None]

    run(test)


def test_those_who_wait_are_told_their_place() -> None:
    async def test(line: Line) -> None:
        first, second, third = (line.submit(until_given_up) for _ in range(3))
        line.give_up(first)
        with pytest.raises(Cancelled):
            await first.done
        await asyncio.sleep(0.05)  # telling is from any thread, so it takes a turn of the loop
        places = []
        while not third.events.empty():
            places.append(third.events.get_nowait())
        assert [event["before"] for event in places if event] == [2, 1]
        line.give_up(second)

    run(test)


def test_a_reader_that_lags_misses_only_what_may_be_missed() -> None:
    async def test(line: Line) -> None:
        go_on = threading.Event()

        def work(job: Job) -> None:
            for number in range(200):
                job.tell({"n": number}, skippable=True)
                if number == 100:
                    go_on.wait(10)
            job.tell({"n": "last"})

        job = line.submit(work)
        await asyncio.sleep(0.2)
        go_on.set()
        await job.done
        await asyncio.sleep(0)
        events = []
        while not job.events.empty():
            events.append(job.events.get_nowait())
        assert len(events) < 200
        assert events[-2:] == [{"n": "last"}, None]

    run(test)
