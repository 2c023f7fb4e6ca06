"""What each endpoint accepts: one frozen struct per endpoint, grouped by object.

Called by ``api.routes`` (which turns them into commands) and ``api.openapi`` (which describes them). Every parameter
that the published specification lists for an endpoint is a field here or is named in ``REFUSED`` of its struct, so
that nothing a client asks for is silently ignored.
"""
