"""The addresses of the pages."""

from django.contrib.auth.views import LogoutView
from django.urls import URLPattern, URLResolver, path

from notifier.web import gateways, health, overview
from notifier.web.account import daily_email
from notifier.web.account import views as account
from notifier.web.clients import bulk, bulk_progress, exports, suppressed
from notifier.web.clients import views as clients
from notifier.web.filters import views as filters
from notifier.web.imports import settings as import_settings
from notifier.web.imports import upload
from notifier.web.imports import views as imports
from notifier.web.mailings import composer, resolution, views
from notifier.web.messages import detail as message_detail
from notifier.web.messages import views as messages
from notifier.web.report.mailing import mailing_report
from notifier.web.report.period import period_report
from notifier.web.statistics import views as statistics

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("setup/<str:token>/", account.setup, name="setup"),
    path("sign-in/", account.SignIn.as_view(), name="sign_in"),
    path("sign-out/", LogoutView.as_view(), name="sign_out"),
    path("account/daily-email/", daily_email.daily_email, name="daily_email"),
    path("account/daily-email/now/", daily_email.send_now, name="send_daily_email"),
    path("account/daily-email/preview/", daily_email.preview, name="daily_email_preview"),
    path("account/daily-email/preview/letter/", daily_email.letter, name="daily_email_letter"),
    path("daily-email/unsubscribe/<str:token>/", daily_email.unsubscribe, name="unsubscribe"),
    path("", overview.overview, name="overview"),
    path("gateways/<int:gateway_id>/hold/", gateways.hold, name="hold_gateway"),
    path("gateways/<int:gateway_id>/release/", gateways.release, name="release_gateway"),
    path("messages/", messages.messages, name="messages"),
    path("messages/<int:message_id>/", message_detail.message, name="message"),
    path("messages/export.csv", messages.export, name="export_messages"),
    path("mailings/<int:mailing_id>/messages/", messages.mailing_messages, name="mailing_messages"),
    path("statistics/", statistics.statistics, name="statistics"),
    path("statistics/export.csv", statistics.export, name="export_statistics"),
    path("clients/", clients.clients, name="clients"),
    path("clients/add/", clients.add_client, name="add_client"),
    path("clients/actions/<int:action_id>/", bulk_progress.bulk_action, name="bulk_action"),
    path(
        "clients/actions/<int:action_id>/cancel/",
        bulk_progress.cancel,
        name="cancel_bulk_action",
    ),
    path("clients/bulk/<str:action>/", bulk.bulk, name="bulk"),
    path("clients/check/<str:field>/", clients.check_client, name="check_client"),
    path("clients/export.csv", exports.export_clients, name="export_clients"),
    path("clients/suppressed/", suppressed.suppressed, name="suppressed"),
    path("clients/suppressed/export.csv", exports.export_suppressed, name="export_suppressed"),
    path("clients/suppressed/<str:phone>/remove/", suppressed.release, name="release_phone"),
    path("clients/samples/", clients.add_samples, name="add_samples"),
    path("clients/filters/", filters.filters, name="filters"),
    path("clients/filters/new/", filters.new_filter, name="new_filter"),
    path("clients/filters/preview/", filters.preview, name="preview_filter"),
    path("clients/filters/<int:filter_id>/", filters.edit_filter, name="edit_filter"),
    path(
        "clients/filters/<int:filter_id>/duplicate/",
        filters.duplicate_filter,
        name="duplicate_filter",
    ),
    path("clients/filters/<int:filter_id>/delete/", filters.delete_filter, name="delete_filter"),
    path("clients/imports/", imports.imports, name="imports"),
    path("clients/imports/new/", upload.new_import, name="new_import"),
    path("clients/imports/sample.csv", upload.sample_file, name="import_sample"),
    path("clients/imports/<int:import_id>/", imports.client_import, name="import"),
    path(
        "clients/imports/<int:import_id>/settings/",
        import_settings.import_settings,
        name="import_settings",
    ),
    path(
        "clients/imports/<int:import_id>/confirm/<str:action>/",
        imports.confirm,
        name="confirm_import",
    ),
    path(
        "clients/imports/<int:import_id>/rejected.csv",
        imports.rejected_rows,
        name="import_rejected",
    ),
    path("clients/<int:client_id>/", clients.client, name="client"),
    path("clients/<int:client_id>/edit/", clients.edit_client, name="edit_client"),
    path("report/", period_report, name="report"),
    path("mailings/new/", composer.new_mailing, name="new_mailing"),
    path("mailings/preview/", composer.preview, name="preview_mailing"),
    path("mailings/<int:mailing_id>/edit/", composer.edit_mailing, name="edit_mailing"),
    path("mailings/", views.mailings, name="mailings"),
    path("mailings/<int:mailing_id>/", views.mailing, name="mailing"),
    path("mailings/<int:mailing_id>/report/", mailing_report, name="mailing_report"),
    path("mailings/<int:mailing_id>/confirm/<str:action>/", views.confirm, name="confirm"),
    path("mailings/<int:mailing_id>/send-again/", resolution.send_again, name="send_again"),
    path("mailings/<int:mailing_id>/decide/", resolution.decide, name="decide"),
]
