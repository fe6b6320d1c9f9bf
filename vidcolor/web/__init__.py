"""The local web page: a plan worked on by looking, with stills uploaded or painted right on the coloured frames."""
