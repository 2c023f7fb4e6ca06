"""Events: facts announced to the shop, kept with the change that made them true."""
