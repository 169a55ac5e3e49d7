"""The processes of the service: HTTP processes and one background process, forked from one that has loaded everything.

    listener      where HTTP arrives, and what must not be served there
    prefork       the fork server: forks processes and replaces those that end
    run           which processes a service has
    http_process  one process that answers HTTP
    worker        one background process: the sealer, the watcher (watch) and the job runner (runner)

The command line imports `listener` and `run`, which are cheap to load; only the fork server loads the others.
"""
