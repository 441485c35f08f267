from typing import Any

from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from notifier.accounts.first_admin import (
    SetupClosed,
    check_setup_token,
    create_first_admin,
    has_administrator,
)
from notifier.web.account.forms import SetupForm, SignInForm
from notifier.web.forms import form_status


@method_decorator(login_not_required, name="dispatch")
class SignIn(LoginView):
    template_name = "account/sign_in.html"
    form_class = SignInForm
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs, lacks_administrator=not has_administrator())

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=422)


@login_not_required
@never_cache
def setup(request: HttpRequest, token: str) -> HttpResponse:
    """Create the first administrator through the one-time link, and sign in."""
    if not check_setup_token(token):
        return _closed(request, SetupClosed())
    form = SetupForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            _create_and_sign_in(request, token, form)
        except SetupClosed as closed:
            return _closed(request, closed)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return redirect("overview")
    return render(request, "account/setup.html", {"form": form}, status=form_status(form))


def _create_and_sign_in(request: HttpRequest, token: str, form: SetupForm) -> None:
    values = form.cleaned_data
    administrator = create_first_admin(
        token,
        username=values["username"],
        password=values["password"],
        email=values["email"],
    )
    login(request, administrator, backend="django.contrib.auth.backends.ModelBackend")


def _closed(request: HttpRequest, reason: SetupClosed) -> HttpResponse:
    return render(request, "account/setup_closed.html", {"reason": reason}, status=410)
