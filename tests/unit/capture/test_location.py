"""A location keeps what says where, and loses what opens it."""

import pytest

from provsdk.capture._location import without_secrets


@pytest.mark.parametrize(
    "location",
    [
        "/data/handbook.md",
        "handbook.md",
        "C:\\data\\handbook.md",
        "/lake/key=5/token=7/part-0.parquet",
        "lake/monkey=3/part-0.parquet",
        "s3://bucket/a key/with spaces.pdf",
        "https://example.org/a/b?page=2&q=x",
        "http://[::1]:8080/user@host",
        "https://example.org:8080/@ana/status;v=1",
        "file:///data/handbook.md",
        "orders",
        "handbook:en@v3.1",
        "pkg/name@1.2.3",
        "git@github.com:org/docs.git",
        "mailto:ana@example.org",
        "C:/users/a@b/notes.md",
        "host=db dbname=patients",
        "",
    ],
)
def test_what_carries_no_secret_is_left_as_it_is(location):
    assert without_secrets(location) == location


@pytest.mark.parametrize(
    ("location", "kept"),
    [
        ("https://u:pw@h.example/p?id=4&token=SECRET", "https://h.example/p?id=4&token=…"),
        ("https://u@h.example/p#SECRET", "https://h.example/p"),
        ("postgresql+psycopg://u:p/w@db:5432/x", "postgresql+psycopg://db:5432/x"),
        ("postgresql://u:p@w@db/x", "postgresql://db/x"),
        ("postgresql://u:p?w@db/x", "postgresql://db/x"),
        ("postgresql://u:p#w@db/x", "postgresql://db/x"),
        (
            "https://h.example/p?bearer=SECRET&jwt=SECRET&sid=SECRET&side=b",
            "https://h.example/p?bearer=…&jwt=…&sid=…&side=b",
        ),
        ("https://h.example/p?token%3DSECRET", "https://h.example/p?token%3D…"),
        ("https://h.example/p?next=https%3A%2F%2Fu%3ASECRET%40h", "https://h.example/p?next=…"),
        ("https://h.example/p?next=https%3A%2F%2Fh%2Fq", "https://h.example/p?next=https%3A%2F%2Fh%2Fq"),
        ("//u:pw@h/share", "//h/share"),
        ("jdbc:postgresql://u:pw@h/x?user=sa&password=pw", "jdbc:postgresql://h/x?user=sa&password=…"),
        ("jdbc:sqlserver://h:1433;user=sa;password=p w;x=1", "jdbc:sqlserver://h:1433;user=sa;password=…;x=1"),
        ("jdbc:oracle:thin:scott/tiger@h:1521:x", "jdbc:oracle:thin:h:1521:x"),
        ("u:pw@db.example/x", "db.example/x"),
        ("u:p/w@[::1]:5432/x", "[::1]:5432/x"),
        ("u:pw@db.example:/x/y", "db.example:/x/y"),
        ("https://api.example/bot123456:AAE-x_yzabcdefghijklmnopqr/getMe", "https://api.example/bot123456:…/getMe"),
        ("scott/tiger@h:1521/x", "h:1521/x"),
        ("scott/tiger@//h/x", "//h/x"),
        ("host=db user=u password='p w' dbname=x", "host=db user=u password=… dbname=x"),
        ("Server=h;Uid=sa;Pwd={p;w};Database=x", "Server=h;Uid=sa;Pwd=…;Database=x"),
        ("https://h/p?%74oken=SECRET&X-Amz-Signature=S", "https://h/p?%74oken=…&X-Amz-Signature=…"),
        ("https://h/p;jsessionid=SECRET?sig=S", "https://h/p;jsessionid=…"),
    ],
)
def test_secrets_are_left_out(location, kept):
    assert without_secrets(location) == kept
