"""What a release changes, told in the terms of the trade: which facts, which codes, which code, which requests.

Pure. Called by the release service and the command line; :func:`interlock.releases.diff.comparing.compare` makes a
:class:`~interlock.releases.diff.types.ReleaseDiff` of two versions.
"""
