/** Sentences to begin with: one that narrows in steps, one that is soon answered, one in between, one that goes wrong. */
export const samples: readonly { readonly name: string; readonly words: string }[] = [
  {
    name: "In two minds",
    words: "It is not without flaws, but the two leads are so good that I forgave it everything.",
  },
  { name: "Easy", words: "A gorgeous, witty, seductive movie." },
  {
    name: "Long",
    words: "For two hours we follow a retired teacher across a frozen lake, and every minute of it is a quiet joy.",
  },
  { name: "Hard", words: "I wanted to like it more than I did." },
];
