"""What a hostile input can do: a corpus of them, each with the answer that it must be given."""
