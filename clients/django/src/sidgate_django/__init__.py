"""Django behind Sidgate.

The gateway owns the login session; this package makes Django believe it, and nobody else.

==================  ===================================================================
module              what it answers
==================  ===================================================================
``conf``            what did ``settings.SIDGATE`` say?
``tokens``          is this JWT genuine?
``session``         what does the gateway say about this request?
``users``           which Django user is that?
``identity``        what does the gateway need to know about a user?
``events``          what does this response tell the gateway (login, logout, ...)?
``expiry``          how long does the app want a login to last?
``middleware``      the place in the request where all of it happens
``django_session``  what becomes of ``request.session``?
``session_stores``  how is it kept, so that nobody can log in with it?
``marker``          whose page is this, for caches that look at cookies?
``channels``        who is at the other end of a WebSocket?
``development``     why is nobody logged in on the app's own port?
``client``          which address does the browser have?
``views``           the endpoints that only the gateway may call
``doctor``          what is this app, for `sidgate doctor`?
``login``           a name and a password: who is this, as our own pages would have it?
``login_stages``    what stands between a right password and a login?
``legacy``          who do the cookies of the old system belong to?
``testing``         how do I test my views without a gateway?
``pytest_plugin``   and with the fixtures of pytest-django?
==================  ===================================================================
"""

__version__ = "0.1.0"
