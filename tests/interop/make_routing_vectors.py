"""Writes routing.json: what Django's own patterns match, capture, leave and reverse to.

Run with Django 5.2: `python make_routing_vectors.py > routing.json`.
"""

import itertools
import json
import sys
import types

import django
from django.conf import settings

settings.configure(ROOT_URLCONF="urlconf")
django.setup()

from django.urls import NoReverseMatch, clear_url_caches, include, path, re_path, reverse
from django.urls.resolvers import RegexPattern, RoutePattern

PATHS = [
    "", "chat/", "chat", "chat/x", "chat/lobby/", "chat/a b/", "chat/été/", "chat/7/", "chat/07/x/",
    "chat/lobby/7/", "xchat/lobby/", "/chat/", "//chat/", "chat//", "chat/a/b/c", "chat/a\nb/", "chat/\n",
    "chat/lobby/\n", "12/", "12", "-1/", "१२/", "a-b_c/", "A-B/", "a.b/", "f/a/b", "f/", "f/a\nb",
    "075194d3-6885-417e-a8a8-6c931e272f00/", "075194D3-6885-417E-A8A8-6C931E272F00/", "bar", "bar/", "bar/baz/",
    "foo/bar/", "posarg/123/", "posarg/123/x", "2024/", "2024/05/", "20x4/", "test/3/", "a/", "b/", "ab/", "CHAT/",
]

ROUTES = [
    "", "chat/", "chat", "chat/<room>/", "chat/<str:room>/", "chat/<slug:room>/", "chat/<int:page>/",
    "chat/<slug:room>/<int:page>/", "<int:n>/", "<slug:s>/", "<str:s>/", "<str:s>", "<uuid:u>/", "f/<path:rest>", "<path:rest>",
    "<path:rest>/", "<str:a><int:b>/", "c.at/", "chat/<str:a>-<str:b>/", "posarg/<int:n>/",
]

EXPRESSIONS = [
    r"", r"^$", r"bar", r"bar/$", r"^bar/", r"^chat/$", r"^chat/", r"^chat/(?P<room>\w+)/$", r"chat/(?P<room>\w+)/$",
    r"^chat/(\w+)/$", r"^posarg/(\d+)/$", r"^posarg/(?P<n>\d+)/(x)?", r"^(a|b)/$", r"^(a)?(b)?/$", r"^(?P<x>a)?(?P<y>b)?/$",
    r"^(?P<year>[0-9]{4})/(?:(?P<month>[0-9]{2})/)?$", r"(?i)^chat/$", r"^chat/(?P<room>[^/]+)/(?P<page>[0-9]+)/$",
    r"^chat/(.*)", r"^chat/(.*?)/", r"/$", r"^(?P<n>\d+)/$", r"t/(\d+)/$", r"^(chat|bar)/(?P<rest>.*)$", r"^x|bar",
]


def text(value):
    return value if value is None else str(value)


def match(pattern, path):
    found = pattern.match(path)
    if found is None:
        return None
    rest, args, kwargs = found
    if isinstance(pattern, RoutePattern) and pattern.converters:
        kwargs = pattern.regex.search(path).groupdict()
    return {"rest": rest, "args": [text(a) for a in args], "kwargs": {k: text(v) for k, v in kwargs.items()}}


def patterns():
    for kind, of, sources in (("path", RoutePattern, ROUTES), ("re_path", RegexPattern, EXPRESSIONS)):
        for source, endpoint in itertools.product(sources, (True, False)):
            if source.endswith("$") and not endpoint:
                continue  # Nothing is ever left for a router: refused.
            pattern = of(source, is_endpoint=endpoint)
            found = {path: match(pattern, path) for path in PATHS}
            found = {path: match for path, match in found.items() if match}
            yield {"kind": kind, "pattern": source, "endpoint": endpoint, "matches": found}


def view(request):
    pass


REVERSED = [
    ("path", "chat/<slug:room>/<int:page>/", {"room": "lobby", "page": 7}),
    ("path", "chat/<slug:room>/<int:page>/", {"room": "lobby"}),
    ("path", "chat/<slug:room>/<int:page>/", {"room": "lobby", "page": 7, "more": 1}),
    ("path", "chat/<slug:room>/", {"room": "a b"}),
    ("path", "chat/<slug:room>/", {"room": ""}),
    ("path", "chat/<str:room>/", {"room": "a b"}),
    ("path", "chat/<str:room>/", {"room": "a/b"}),
    ("path", "chat/<str:room>/", {"room": "été?#%&=+;,@:!$'()*~"}),
    ("path", "<path:rest>", {"rest": "a/b c"}),
    ("path", "<path:rest>", {"rest": "/evil.example/"}),
    ("path", "été/", {}),
    ("path", "<int:n>/", {"n": "x"}),
    ("path", "<uuid:u>/", {"u": "075194d3-6885-417e-a8a8-6c931e272f00"}),
    ("re_path", r"^chat/(?P<room>\w+)/$", {"room": "lobby"}),
    ("re_path", r"^chat/(?P<room>\w+)/$", {"room": "a-b"}),
    ("re_path", r"chat/(?P<room>\w+)/$", {"room": "été"}),
    ("re_path", r"^c\.at/$", {}),
]


def reversals():
    for kind, source, kwargs in REVERSED:
        clear_url_caches()
        module = types.ModuleType("urlconf")
        module.urlpatterns = [{"path": path, "re_path": re_path}[kind](source, view, name="it")]
        sys.modules["urlconf"] = module
        try:
            url = reverse("it", kwargs=kwargs)
        except NoReverseMatch:
            url = None
        yield {"kind": kind, "pattern": source, "kwargs": {k: str(v) for k, v in kwargs.items()}, "url": url}


print('{"django":"%s","paths":' % django.__version__)
print(json.dumps(PATHS, ensure_ascii=False), ',"patterns":[', sep="")
print(",\n".join(json.dumps(p, ensure_ascii=False, separators=(",", ":")) for p in patterns()))
print('],"reversals":[')
print(",\n".join(json.dumps(r, ensure_ascii=False, separators=(",", ":")) for r in reversals()))
print("]}")
