"""What a kind of edge of your own is made of, for `register(edge_rules=[...])`."""

from tradai_tasks.affected.parse.facts import Reference as Reference
from tradai_tasks.affected.rules.edge_rule import EdgeRule as EdgeRule
from tradai_tasks.affected.rules.edge_rule import Place as Place
from tradai_tasks.affected.rules.source_file import SourceFile as SourceFile
