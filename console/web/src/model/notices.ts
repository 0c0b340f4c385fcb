// What somebody else did to this person, in words.
import type { Call, Notice } from '../api/types';
import type { Board } from './board.svelte';
import { callerOf } from './words';
import { t } from './prefs.svelte';
import { toasts } from './toasts.svelte';

export function sayNotice(notice: Notice, board: Board): void {
  const by = notice.by.name || (notice.by.person ? board.nameOf(notice.by.person) : t('someone'));
  switch (notice.type) {
    case 'call.picked_up':
      return toasts.say('told', t('notice.call.picked_up', { by, caller: callerOf(notice.document as Call) }));
    case 'group.joined':
    case 'group.left':
      return toasts.say('told', t(`notice.${notice.type}`, { by, group: (notice.document as { name?: string }).name ?? board.groupName(notice.entity) }));
    case 'forwarding.changed':
    case 'dnd.changed':
      return toasts.say('told', t(`notice.${notice.type}`, { by }));
  }
}
