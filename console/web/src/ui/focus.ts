// The focus never goes to nothing without a word. Rows, buttons and messages come and go by themselves here; what had the focus and is taken
// away or hidden leaves it to what it stood in: never to another button, which somebody would press without having meant it. What is
// disabled while something runs has it again afterwards.

const homes = 'li, section, form, main';

const shown = (e: Element): boolean => e.isConnected && e.checkVisibility();
const disabled = (e: Element): boolean => e.matches(':disabled');

/** Watches what has the focus within a part of the page, and what that stands in; of the rest it notices nothing. Returns its end. */
export function keepFocus(root: HTMLElement): () => void {
  let had: HTMLElement | undefined;
  let around: HTMLElement[] = [];
  const observer = new MutationObserver(look);

  function forget(): void {
    observer.disconnect();
    had = undefined;
    around = [];
  }

  function takes(e: FocusEvent): void {
    forget();
    const target = e.target as HTMLElement;
    if (!root.contains(target)) return; // dialogs and menus give it back by themselves
    had = target;
    observer.observe(had, { attributeFilter: ['disabled', 'hidden'] });
    for (let one = had.parentElement; one && one !== root.parentElement; one = one.parentElement) {
      around.push(one);
      observer.observe(one, { childList: true, attributeFilter: ['hidden'] });
    }
  }

  const nobodyHas = (): boolean => !document.activeElement || document.activeElement === document.body || document.activeElement === had;

  /** Who presses where nothing is means it so. Whether it was that shows when what runs now has been done. */
  function leaves(): void {
    queueMicrotask(() => {
      if (had && document.hasFocus() && document.activeElement === document.body && shown(had) && !disabled(had)) forget();
    });
  }

  function look(): void {
    if (!had || !nobodyHas()) return;
    if (!shown(had)) home();
    else if (document.activeElement !== had && !disabled(had)) had.focus({ preventScroll: true });
  }

  function home(): void {
    const at = around.find((one) => one.matches(homes) && shown(one) && one.offsetHeight > 0) ?? document.getElementById('content');
    if (!at) return forget();
    if (!at.hasAttribute('tabindex')) {
      at.tabIndex = -1;
      at.addEventListener('blur', () => at.removeAttribute('tabindex'), { once: true });
    }
    at.focus({ preventScroll: true });
  }

  document.addEventListener('focusin', takes);
  document.addEventListener('focusout', leaves);
  return () => {
    forget();
    document.removeEventListener('focusin', takes);
    document.removeEventListener('focusout', leaves);
  };
}
