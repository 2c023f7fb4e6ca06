"""The endpoints, grouped by object: each handler turns parameters into a command and a value into its public shape.

``ENDPOINTS`` of every module here, put together by ``api.endpoints``, is the whole API. Called by the request pipeline.
"""
