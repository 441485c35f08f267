"""Clients from somebody's spreadsheet: without fear, and with a way back.

receive    a file arrives, is looked at, and lies in the database in pieces
detect     how it is written: encoding, delimiter, header
workbook   an XLSX workbook becomes CSV, in a process with bounds
text       bytes become rows of cells, whatever is in them
table      a header and its rows
columns    what each column holds, guessed from names and values, said by a person
rows       its rows, cleaned one by one, or rejected with the reason
staging    the good ones in a table of their own, the rejected beside it
review     what an import would do (the dry run), counted by the database
merging    staged rows become clients, in chunks, with what was there before
undoing    and back
lifecycle  the statuses, and who may change them
steps      the pieces of work that a cluster does, one lease at a time
report     counts, examples, rejected.csv
limits     how large a file may be
"""
