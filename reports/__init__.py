"""What leaves the portal: reports, evidence, cue sheets; changes no match."""
