"""Reading to Level: the only room that knows a client's body. Pure."""
