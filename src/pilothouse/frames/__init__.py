"""Pictures in cells: geometry, scaling, painters. Nothing here knows a widget."""
