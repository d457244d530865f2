"""How facts move: record types, the topic table, one Faust agent per step."""
