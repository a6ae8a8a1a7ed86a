"""Long recordings and archives: from files to a journal of scores, and from the journal to events and tables.

One model with one setting analyses spans of recordings; every finished span is a part of the journal, written
once. Events, effort and all tables are made from the journal in a second step, which can be repeated.
"""
