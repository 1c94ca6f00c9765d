// What stands where models would be, for a key that may call none.

import { emptyState } from "../../components/resource.js";

export const noModels = (iconName) =>
  emptyState({
    iconName,
    title: "No models for this key",
    text:
      "Either none is served at present, or this key is limited to models that are not." +
      " Ask whoever gave you the key.",
  });
