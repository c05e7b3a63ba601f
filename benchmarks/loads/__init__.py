"""Who asks: wrk for as many answers as there can be, and an asyncio client for streams that take their time."""
