"""A process that begins one money operation and is killed at a recovery point (``INTERLOCK_CRASH_AT``).

Run by the recovery tests as ``python -m tests.support.crashing_shop``; what to do comes as JSON on the command line.
"""

import asyncio
import sys

import msgspec
from tests.support.debits import account, debit
from tests.support.payment_house import House, ShiftedClock, reopen_house
from tests.support.transfers import ask

from interlock.base.context import Scope
from interlock.payments.intents.types import CancelIntent, CaptureIntent, ConfirmIntent, IncrementIntent
from interlock.payments.refunds.types import CreateRefund
from interlock.payments.setup.types import ConfirmSetup, CreateSetup
from interlock.storage.database import Database
from interlock.vault.keys import parse_keys
from interlock.vault.service import Vault


class Task(msgspec.Struct, kw_only=True):
    """What to do, for whom, on which database."""

    url: str
    account_id: str
    keys: str
    action: str
    subject: str = ""
    method: str = "pm_card_visa"
    key: str = "crash"


async def act(house: House, task: Task) -> None:
    """Do the task's action once."""
    ctx = house.ctx(task.key)
    if task.action == "pay":
        await house.pay(task.method, key=task.key)
    elif task.action == "debit":
        await debit(house, (await account(house)).id, key=task.key)
    elif task.action == "transfer":
        await ask(house, task.subject, key=task.key)
    elif task.action == "setup":
        asked = CreateSetup(payment_method=task.method, confirm=ConfirmSetup())
        await house.follow(lambda respond: house.payments.setup_intents.create(ctx, asked, respond))
    elif task.action == "return":
        attempt = (await house.attempts(await house.intent(task.subject)))[-1]
        await house.pass_challenge(attempt, "succeed")
    elif task.action == "confirm":
        asked_again = ConfirmIntent()
        await house.follow(lambda respond: house.payments.intents.confirm(ctx, task.subject, asked_again, respond))
    elif task.action == "recover":
        await house.recover()
    else:
        await follow_on(house, task)


async def follow_on(house: House, task: Task) -> None:
    """Do something with the payment that is the task's subject."""
    rooms, ctx = house.payments, house.ctx(task.key)
    if task.action == "capture":
        await house.follow(lambda respond: rooms.follow_ons.capture(ctx, task.subject, CaptureIntent(), respond))
    elif task.action == "increment":
        more = IncrementIntent(amount=2000)
        await house.follow(lambda respond: rooms.follow_ons.increment(ctx, task.subject, more, respond))
    elif task.action == "cancel":
        await house.follow(lambda respond: rooms.follow_ons.cancel(ctx, task.subject, CancelIntent(), respond))
    elif task.action == "refund":
        asked = CreateRefund(payment_intent=task.subject)
        await house.follow(lambda respond: rooms.refunds.create(ctx, asked, respond))
    elif task.action == "release":
        asked = CreateRefund(charge=task.subject)
        await house.follow(lambda respond: rooms.refunds.create(ctx, asked, respond))


async def main() -> None:
    """Read the task and act."""
    task = msgspec.json.decode(sys.argv[1].encode(), type=Task)
    database = await Database.connect(task.url, pool_size=2)
    clock = ShiftedClock()
    vault = Vault(database, parse_keys(task.keys), clock)
    async with reopen_house(database, Scope(task.account_id, livemode=False), vault, clock) as house:
        await act(house, task)
    await database.close()


if __name__ == "__main__":
    asyncio.run(main())
