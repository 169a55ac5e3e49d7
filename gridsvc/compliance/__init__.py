"""Did we make it: response-time compliance from recorded clocks. Pure: arrays in, plain values out."""
