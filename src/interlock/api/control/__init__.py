"""The control API ``/control/v1``: what operators and their programs do with releases, over HTTP and JSON.

Served beside the payments' API by :func:`interlock.api.control.application.with_control`. It translates and decides
nothing: the command line calls the same use cases. Whatever is asked here, payments go on: few requests at a time, on
database connections of their own; gates run in the worker, packages are looked at in processes of their own.
"""
