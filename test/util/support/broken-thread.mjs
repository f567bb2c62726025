throw new Error("this module can't be loaded");
