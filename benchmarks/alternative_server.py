"""The alternative: what a team would write in an afternoon with the tools everybody takes, and with the right index.

FastAPI, pydantic, SQLAlchemy's async session on PostgreSQL; a page is COUNT and then LIMIT and OFFSET, in one
transaction. `/hello` answers nothing at all. Needs the dependency group `bench`.
"""

import sys
import time
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Annotated

import uvicorn
from fastapi import Depends, FastAPI, HTTPException
from pydantic import BaseModel, Field
from sqlalchemy import BigInteger, Index, LargeBinary, SmallInteger, Text, func, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

OUT_MISSED = 1


class Base(DeclarativeBase):
    """The tables."""


class Token(Base):
    """Whose a token is."""

    __tablename__ = "token"

    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    app_id: Mapped[int] = mapped_column(BigInteger)
    extension: Mapped[str] = mapped_column(Text)
    expires_ms: Mapped[int] = mapped_column(BigInteger)


class Call(Base):
    """A call as its agent's page shows it."""

    __tablename__ = "call"

    app_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    call_id: Mapped[str] = mapped_column(Text, primary_key=True)
    extension: Mapped[str] = mapped_column(Text)
    kind: Mapped[int] = mapped_column(SmallInteger)
    started_ms: Mapped[int] = mapped_column(BigInteger)
    number: Mapped[int] = mapped_column(BigInteger)
    billable_seconds: Mapped[int] = mapped_column(BigInteger)
    rate: Mapped[str] = mapped_column(Text)
    name: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (Index("call_by_agent", "app_id", "extension", "kind", "started_ms", "call_id"),)


class PageRequest(BaseModel):
    """What is asked."""

    token: str
    from_ms: int = Field(alias="from", ge=0)
    to_ms: int = Field(alias="to", ge=0)
    page: int = Field(ge=1)
    limit: int = Field(default=10, ge=1, le=1000)


class Row(BaseModel):
    """A call on a page."""

    id_: str = Field(serialization_alias="_id")
    to: int
    time: int
    from_: str = Field(serialization_alias="from")
    billedsec: int
    rate: str
    name: str


class PageAnswer(BaseModel):
    """A page."""

    count: int
    cdr: list[Row]
    code: int = 200


app = FastAPI()
sessions: async_sessionmaker[AsyncSession]


async def session() -> AsyncIterator[AsyncSession]:
    """A session for one request."""
    async with sessions() as one:
        yield one


@app.get("/hello")
@app.get("/readyz")
async def hello() -> dict[str, str]:
    """Serve nothing."""
    return {"hello": "world"}


@app.post("/v1/agentOutMissed")
async def agent_out_missed(asked: PageRequest, db: Annotated[AsyncSession, Depends(session)]) -> PageAnswer:
    """Serve a page."""
    digest = sha256(asked.token.encode()).digest()
    whose = await db.scalar(select(Token).where(Token.digest == digest, Token.expires_ms > time.time() * 1000))
    if whose is None:
        raise HTTPException(404, "Invalid token")
    found = (
        Call.app_id == whose.app_id,
        Call.extension == whose.extension,
        Call.kind == OUT_MISSED,
        Call.started_ms.between(asked.from_ms, asked.to_ms),
    )
    count = await db.scalar(select(func.count()).select_from(Call).where(*found))
    calls = await db.scalars(
        select(Call)
        .where(*found)
        .order_by(Call.started_ms.desc(), Call.call_id.desc())
        .limit(asked.limit)
        .offset((asked.page - 1) * asked.limit)
    )
    agent = f"{whose.extension}_{whose.app_id}"
    return PageAnswer(
        count=count or 0,
        cdr=[
            Row(
                id_=call.call_id,
                to=call.number,
                time=call.started_ms,
                from_=agent,
                billedsec=call.billable_seconds,
                rate=call.rate,
                name=call.name or "unknown",
            )
            for call in calls
        ],
    )


def main() -> None:
    """Serve the database at a URL on a port."""
    global sessions
    engine = create_async_engine(sys.argv[2].replace("postgresql://", "postgresql+asyncpg://"), pool_size=10)
    sessions = async_sessionmaker(engine, expire_on_commit=False)
    uvicorn.run(app, port=int(sys.argv[1]), loop="uvloop", http="httptools", log_config=None, access_log=False)


if __name__ == "__main__":
    main()
