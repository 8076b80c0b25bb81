"""Pictures of the browser:

decoding them safely, fitting and marking them, painting them into cells. No widgets.
"""
