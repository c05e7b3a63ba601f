"""`/v1/responses` for upstreams that do not have it, and the watcher of streams where they have. Pure.

Nothing is kept between requests: what a client wants remembered, it sends again.
"""
