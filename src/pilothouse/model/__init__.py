"""The Claude side: streaming turn, conversation, prices, prompt. Nothing here touches a browser."""
