"""Write side, second half: lines to files, spans to lines, ended runs to their archive."""
