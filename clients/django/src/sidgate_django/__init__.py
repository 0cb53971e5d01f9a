"""Django behind Sidgate.

The gateway owns the login session; this package makes Django believe it, and nobody else.

===============  ===================================================================
module           what it answers
===============  ===================================================================
``conf``         what did ``settings.SIDGATE`` say?
``tokens``       is this JWT genuine?
``session``      what does the gateway say about this request?
``users``        which Django user is that?
``identity``     what does the gateway need to know about a user?
``events``       what does this response tell the gateway (login, logout, ...)?
``middleware``   the place in the request where all of it happens
``client``       which address does the browser have?
``views``        the two endpoints that only the gateway may call
``testing``      how do I test my views without a gateway?
===============  ===================================================================
"""

__version__ = "0.1.0"
