"""How sessions are made: catalogue, arguments, context, environments."""
