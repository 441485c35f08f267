from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect


def mailings(request: HttpRequest) -> HttpResponse:
    return redirect("new_mailing")


def mailing(request: HttpRequest, mailing_id: int) -> HttpResponse:
    return redirect("new_mailing")


def mailing_messages(request: HttpRequest, mailing_id: int) -> HttpResponse:
    return redirect("new_mailing")
