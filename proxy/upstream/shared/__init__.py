"""What all workers, on all machines, know together: through Redis, where the operator names one.

Each worker decides by its own memory, as it would alone; that memory is what `CoolDowns`, `KeyRing`, `Breakers`, `ModelList` and `Seats`
hold. Here it is told to Redis what happened to them, and they are told what others said, beside the requests: no request waits for Redis.
Nothing of this is imported unless a Redis is named.

    member.py        one worker's part: rounds of telling and hearing, and the ear for news
    link.py          the way to Redis, and what to do when it is not there
    topic.py         what a round is made of
    rests.py         cool-downs of replicas, models and keys
    circuits.py      breakers, on pybreaker's own storage in Redis
    rations.py       how many requests each worker may have under way
    ration_script.py the rule by which Redis hands them out
    listings.py      lists of models
"""
