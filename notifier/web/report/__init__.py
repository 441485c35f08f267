"""Reports for paper: of one mailing, and of all within a period.

notes      footnotes, and how the numbers were counted
ledger     the account: the audience is the sum of its buckets
tables     outcomes by zone, operator, tag, ...: the largest, and a line for the rest
timeline   outcomes over time, with the incidents of the gateway beside them
mailing    the report of one mailing
period     the report of a period

The browser prints them: static/report.css has the page's layout.
"""
