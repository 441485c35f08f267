from django.db import migrations


def add_default_gateway(apps, schema_editor):
    """The gateway of mailings that name none; its address comes from GATEWAY_URL."""
    apps.get_model("notifier", "Gateway").objects.get_or_create(name="Default gateway")


class Migration(migrations.Migration):
    dependencies = [("notifier", "0001_initial")]

    operations = [migrations.RunPython(add_default_gateway, migrations.RunPython.noop)]
