"""The e-mail about the day before: its figures, its words, and its way to a mail server.

figures.py      what there is to tell of a day, by one person's clock
letter.py       subject, HTML and text
mail_server.py  handing it over, and what that came to
sending.py      the above for everybody who is due, each once a day
"""
