"""A process of a Django site: a real layer of channels_redis, told what to do by lines of JSON."""

import asyncio
import importlib
import json
import sys
import time


def say(**what):
    print(json.dumps(what), flush=True)


async def listen(layer, channel):
    while True:
        say(got=await layer.receive(channel))


async def main(path, options, skew):
    right = time.time
    time.time = lambda: right() + int(skew)
    module, name = path.rsplit(".", 1)
    layer = getattr(importlib.import_module(module), name)(**json.loads(options))
    channel = await layer.new_channel()
    listener = asyncio.create_task(listen(layer, channel))
    say(ready=channel)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        method, *arguments = json.loads(line)
        # A name of `None` is the channel of this process.
        arguments = [channel if it is None else it for it in arguments]
        # JSON has no keys but text.
        arguments = [
            dict(it["$pairs"]) if isinstance(it, dict) and "$pairs" in it else it
            for it in arguments
        ]
        await getattr(layer, method)(*arguments)
        if method == "group_add":
            # It returns before Redis has confirmed the subscription.
            await asyncio.sleep(0.2)
        say(done=method)
    listener.cancel()


asyncio.run(main(*sys.argv[1:]))
