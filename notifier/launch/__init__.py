"""From nothing to a running Notifier, and back.

environment        what may differ between installations, checked
command_database   the database that a single manage.py command needs
postgres           the embedded server; postgres_* are its folder, programs, process, …
supervisor         ``manage.py up``, step by step
parts              what it runs: web, cluster, sandbox gateway
part_process       one of them: started, restarted, stopped
leftovers          what a killed ``up`` has left behind

Nothing before ``supervisor`` may import Django: the settings are made from it.
"""
