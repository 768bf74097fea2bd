"""Claims on platforms, compared with what is heard, decided and licensed here."""
