"""moto's server, given the bytes that were sent: left to itself it checks the signature of a form that it wrote anew, with
`+` for a space, and calls every client a forger that writes `%20`.

    moto_server.py PORT
"""
import sys

from flask import request
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple


def create_app(service):
    app = create_backend_app(service)

    @app.before_request
    def keep_the_body():
        request.get_data(cache=True)

    return app


run_simple('127.0.0.1', int(sys.argv[1]), DomainDispatcherApplication(create_app), threaded=True)
