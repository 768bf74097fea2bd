"""Evidence packs: sealed files with all facts about one match."""
