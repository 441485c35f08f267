from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from notifier.delivery import breaker
from notifier.mailings.models import Gateway


@require_POST
def hold(request: HttpRequest, gateway_id: int) -> HttpResponse:
    gateway = get_object_or_404(Gateway, pk=gateway_id)
    breaker.hold(gateway.pk, reason=f"Put on hold by {request.user.get_username()}")
    messages.success(request, "On hold. Messages wait until it is released.")
    return redirect("overview")


@require_POST
def release(request: HttpRequest, gateway_id: int) -> HttpResponse:
    breaker.release(get_object_or_404(Gateway, pk=gateway_id).pk)
    messages.success(request, "Released. Sending begins slowly.")
    return redirect("overview")
